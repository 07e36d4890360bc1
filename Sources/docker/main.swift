import Shim

Shim.run()
