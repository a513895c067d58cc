;; Panics, with a name and a number in its memory, in the name of its function and in a section of its own, as a panic would have them.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "passerelle:tenant/choose-template@0.1.0#choose") (param i32) (result i32)
    (call $ada.lovelace-4111111111111111) (i32.const 0))
  (func $ada.lovelace-4111111111111111 (unreachable))
  (data (i32.const 16) "panicked at ada.lovelace-4111111111111111")
  (@custom "ada.lovelace-4111111111111111" "ada.lovelace-4111111111111111"))
