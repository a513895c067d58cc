;; Has eight core instances whose memories are no more than 20 MB each, and 160 MB together.
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
  (core instance (instantiate $part))
  (core instance (instantiate $part)))
