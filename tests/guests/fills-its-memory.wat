;; Fills 64 MB again and again, each time in a single instruction that no tick can interrupt.
(module
  (memory (export "memory") 1024)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "passerelle:tenant/choose-template@0.1.0#choose") (param i32) (result i32)
    (loop (memory.fill (i32.const 0) (i32.const 7) (i32.const 67108864)) (br 0)) (unreachable)))
