;; Traps when the call's id begins with `!`, and answers all others.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (global.set $free (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.get $free)
    (global.set $free (i32.add (global.get $free) (local.get $size))))
  (func (export "passerelle:tenant/choose-template@0.1.0#choose") (param i32) (result i32)
    (if (i32.eq (i32.load8_u (i32.load (local.get 0))) (i32.const 33)) (then (unreachable)))
    ;; `ok` and `default`.
    (i32.store8 (i32.const 4) (i32.const 2))
    (i32.const 0))
  (global $free (mut i32) (i32.const 1024)))
