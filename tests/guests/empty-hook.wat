;; Exports a hook without its function.
(component
  (instance $hook)
  (export "passerelle:tenant/choose-template@0.1.0" (instance $hook)))
