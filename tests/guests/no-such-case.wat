;; Answers with a case that its variant has not.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "passerelle:tenant/choose-template@0.1.0#choose") (param i32) (result i32)
    (i32.store8 (i32.const 4) (i32.const 77)) (i32.const 0)))
