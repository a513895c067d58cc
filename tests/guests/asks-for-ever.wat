;; Asks in each round for one more request, under a name that it has not used yet.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (global.set $free (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.get $free)
    (global.set $free (i32.add (global.get $free) (local.get $size))))
  (func (export "passerelle:tenant/choose-template@0.1.0#choose") (param i32) (result i32)
    ;; One request: its name is a letter, one further for each answer so far. `call.answers` is 32 bytes in.
    (i32.store8 (i32.const 96) (i32.add (i32.const 97) (i32.load offset=36 (local.get 0))))
    (i32.store (i32.const 16) (i32.const 96))
    (i32.store (i32.const 20) (i32.const 1))
    (i32.store (i32.const 28) (i32.const 100))
    (i32.store (i32.const 32) (i32.const 22))
    ;; `ok`, `ask`.
    (i32.store8 (i32.const 4) (i32.const 0))
    (i32.store (i32.const 8) (i32.const 16))
    (i32.store (i32.const 12) (i32.const 1))
    (i32.const 0))
  (data (i32.const 100) "https://crm.example/me")
  (global $free (mut i32) (i32.const 1024)))
