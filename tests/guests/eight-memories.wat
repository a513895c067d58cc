;; Has seven core instances beside its own, whose memories have no more than 20 MB each, and 140 MB together.
(component
  (core module $part
    (memory 1)
    (func $start (drop (memory.grow (i32.const 319))))
    (start $start))
  (core instance (instantiate $part))
  (core instance (instantiate $part))
  (core instance (instantiate $part))
  (core instance (instantiate $part))
  (core instance (instantiate $part))
  (core instance (instantiate $part))
  (core instance (instantiate $part)))
