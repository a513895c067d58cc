;; Leaves a mark in its memory and in a global, and traps when it finds one.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "passerelle:tenant/choose-template@0.1.0#choose") (param i32) (result i32)
    (if (i32.or (global.get $mark) (i32.load (i32.const 32768))) (then (unreachable)))
    (global.set $mark (i32.const 1))
    (i32.store (i32.const 32768) (i32.const 1))
    ;; `ok` and `default`.
    (i32.store8 (i32.const 4) (i32.const 2))
    (i32.const 0))
  (global $mark (mut i32) (i32.const 0)))
