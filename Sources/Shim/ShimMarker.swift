/// An ELF note that contains `ProgramSearch.marker`. The linker puts notes before the code, so one small read tells
/// whether a file is a shim, and `strip` keeps them. Its fields: size of the name, size of the description, type, and
/// then "SLIPWAY" and "SLIPWAY-SHIM".
@section(".note.slipway") @used
private let shimMarker: (UInt32, UInt32, UInt32, UInt64, UInt64, UInt64) = (
    8, 16, 1, 0x0059_4157_5049_4C53, 0x2D59_4157_5049_4C53, 0x0000_0000_4D49_4853
)
