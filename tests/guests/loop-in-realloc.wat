;; Computes for ever while the arguments are copied into it.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (loop (br 0)) (unreachable))
  (func (export "passerelle:tenant/choose-template@0.1.0#choose") (param i32) (result i32)
    (i32.const 0)))
