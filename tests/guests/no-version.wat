;; Exports a hook without a version.
(component
  (instance $hook)
  (export "passerelle:tenant/choose-template" (instance $hook)))
