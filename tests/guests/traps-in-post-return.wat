;; Answers, and traps when it is told that its answer was read.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "passerelle:tenant/choose-template@0.1.0#choose") (param i32) (result i32)
    ;; `ok` and `default`.
    (i32.store8 (i32.const 4) (i32.const 2))
    (i32.const 0))
  (func (export "cabi_post_passerelle:tenant/choose-template@0.1.0#choose") (param i32) (unreachable)))
