;; Computes for ever before anything was called: in its start function.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "passerelle:tenant/choose-template@0.1.0#choose") (param i32) (result i32)
    (i32.const 0))
  (func $start (loop (br 0)))
  (start $start))
