;; Exports a function where a hook is an interface.
(component
  (core module $m (func (export "f")))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (export "passerelle:tenant/choose-template@0.1.0" (func $f)))
