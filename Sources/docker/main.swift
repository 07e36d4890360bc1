import Shim
print("x")
