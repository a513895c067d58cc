;; Says that the arguments be copied to where it has no memory.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const -16))
  (func (export "passerelle:tenant/choose-template@0.1.0#choose") (param i32) (result i32)
    (i32.const 0)))
