;; Exports a hook of the contract beside one that is none.
(component
  (instance $hook)
  (export "passerelle:tenant/choose-template@0.1.0" (instance $hook))
  (export "passerelle:tenant/on-payment@0.1.0" (instance $hook)))
