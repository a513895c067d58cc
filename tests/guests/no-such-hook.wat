;; Exports a hook that the contract has not.
(component
  (instance $hook)
  (export "passerelle:tenant/on-payment@0.1.0" (instance $hook)))
