;; Answers with a text that begins in its memory and would go on from the beginning.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "passerelle:tenant/choose-template@0.1.0#choose") (param i32) (result i32)
    ;; `ok`, `chosen`.
    (i32.store8 (i32.const 4) (i32.const 1))
    (i32.store (i32.const 8) (i32.const 65530))
    (i32.store (i32.const 12) (i32.const 4294967290))
    (i32.const 0)))
