;; Takes as many memories as a sandbox may have, small ones, and holds them while it computes for ever.
(component
  (core module $part (memory 1))
  (core instance (instantiate $part))
  (core instance (instantiate $part))
  (core instance (instantiate $part))
  (core instance (instantiate $part))
  (core instance (instantiate $part))
  (core instance (instantiate $part))
  (core instance (instantiate $part))
  (core module $holds
    (func $start (loop (br 0)))
    (start $start))
  (core instance (instantiate $holds)))
