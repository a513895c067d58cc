;; Wants a function that has the name of one of the contract's interfaces.
(component
  (import "passerelle:tenant/types@0.1.0" (instance (export "now" (func (result u64))))))
