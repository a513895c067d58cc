;; Asks for 16 requests whose name, address and body are the same 60,000 bytes of its memory: what is small in it is large in the host.
(module
  (memory (export "memory") 2)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "passerelle:tenant/choose-template@0.1.0#choose") (param i32) (result i32)
    (local $n i32)
    (memory.fill (i32.const 65536) (i32.const 97) (i32.const 60000))
    (loop $next
      (call $pair (i32.add (i32.mul (local.get $n) (i32.const 48)) (i32.const 16)))
      (call $pair (i32.add (i32.mul (local.get $n) (i32.const 48)) (i32.const 28)))
      (call $pair (i32.add (i32.mul (local.get $n) (i32.const 48)) (i32.const 44)))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $n) (i32.const 16))))
    ;; `ok`, `ask`.
    (i32.store8 (i32.const 4) (i32.const 0))
    (i32.store (i32.const 8) (i32.const 16))
    (i32.store (i32.const 12) (i32.const 16))
    (i32.const 0))
  (func $pair (param $at i32)
    (i32.store (local.get $at) (i32.const 65536))
    (i32.store offset=4 (local.get $at) (i32.const 60000))))
