//! A tenant's folder on a file system: what is read of it, and which files its references may open.
//!
//! Owns the two readers that the server and the edge share, so that both read one folder alike. Does not own what the files mean
//! (`passerelle_flow::tenant`), when they are read, nor secrets that are no files. Bounded by caps on files, bytes and depth, and by the folder:
//! no link leads out of it.

mod boundary;
mod folder;
mod secrets;

pub use folder::read;
pub use secrets::FileSecrets;
