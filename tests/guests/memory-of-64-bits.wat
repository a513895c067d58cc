;; Has a memory that is addressed with 64 bits, whose bounds have to be checked at each access.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "passerelle:tenant/choose-template@0.1.0#choose") (param i32) (result i32)
    (i32.const 0))
  (memory $second i64 1))
