;; A component without imports, to be plugged into the probe.
(component
  (core module $code
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
  (core instance $running (instantiate $code))
  (func $add (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $running "add")))
  (instance $sum (export "add" (func $add)))
  (export "probe:arithmetic/sum@0.1.0" (instance $sum)))
