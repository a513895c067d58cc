;; Answers with a text of 100 MB, all of which lies in its memory.
(module
  (memory (export "memory") 1602)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "passerelle:tenant/choose-template@0.1.0#choose") (param i32) (result i32)
    ;; `ok`, `chosen`.
    (i32.store8 (i32.const 4) (i32.const 1))
    (i32.store (i32.const 8) (i32.const 65536))
    (i32.store (i32.const 12) (i32.const 104857600))
    (i32.const 0)))
