;; Wants to wait in shared memory, which no tick would end.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "passerelle:tenant/choose-template@0.1.0#choose") (param i32) (result i32)
    (drop (memory.atomic.wait32 $shared (i32.const 0) (i32.const 0) (i64.const -1)))
    (i32.const 0))
  (memory $shared 1 1 shared))
