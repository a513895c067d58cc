;; Exports a hook of a version before the release.
(component
  (instance $hook)
  (export "passerelle:tenant/choose-template@0.1.0-rc.1" (instance $hook)))
