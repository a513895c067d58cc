;; Exports a hook of a version that this host does not know.
(component
  (instance $hook)
  (export "passerelle:tenant/choose-template@0.2.0" (instance $hook)))
