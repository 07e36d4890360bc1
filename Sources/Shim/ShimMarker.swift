/// An ELF note with `ProgramSearch.marker` in it: the linker puts notes before the code, so one small read of a file tells
/// whether it is a shim, and `strip` leaves it there. Name size, description size, type, then "SLIPWAY" and "SLIPWAY-SHIM".
@section(".note.slipway") @used
private let shimMarker: (UInt32, UInt32, UInt32, UInt64, UInt64, UInt64) = (
    8, 16, 1, 0x0059_4157_5049_4C53, 0x2D59_4157_5049_4C53, 0x0000_0000_4D49_4853
)
