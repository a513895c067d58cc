;; Calls itself for ever without ever using more of the stack.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "passerelle:tenant/choose-template@0.1.0#choose") (param i32) (result i32)
    (return_call $on))
  (func $on (result i32) (return_call $on)))
