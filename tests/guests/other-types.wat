;; Exports a hook whose function takes and returns other types.
(component
  (core module $m (func (export "f") (param i32) (result i32) (local.get 0)))
  (core instance $i (instantiate $m))
  (func $f (param "call" u32) (result u32) (canon lift (core func $i "f")))
  (instance $hook (export "choose" (func $f)))
  (export "passerelle:tenant/choose-template@0.1.0" (instance $hook)))
