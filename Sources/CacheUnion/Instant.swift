internal import Formats

/// A time as Go's encoding/json reads and writes it (RFC 3339), to the nanosecond.
struct Instant: Equatable, Comparable, Sendable {
    /// Seconds since 1970.
    let seconds: Int64
    /// Nanoseconds within that second.
    let nanoseconds: Int32

    /// Go's zero time, the value of an absent member.
    static let zero = Instant(seconds: -62_135_596_800, nanoseconds: 0)

    static func < (left: Instant, right: Instant) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }

    init(seconds: Int64, nanoseconds: Int32) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// A hundred years, used for all times of this century.
    private static let age: Int64 = 36_525 * 86_400

    /// The time as written to a union: a hundred years earlier, in the same order. Among the results of a step BuildKit
    /// takes the newest, and among equally new ones the imported one (solver/exporter.go, compareCacheRecord). An
    /// imported result is put together layer by layer, although the engine may have its own. So the engine's own must
    /// be newer.
    var aged: Instant { (0..<Self.age).contains(seconds) ? adding(-Self.age) : self }

    /// The original time of an aged one.
    var young: Instant { (-Self.age..<0).contains(seconds) ? adding(Self.age) : self }

    private func adding(_ difference: Int64) -> Instant {
        Instant(seconds: seconds + difference, nanoseconds: nanoseconds)
    }

    /// nil for what Go refuses: one such time makes Go reject the whole config.
    init?(_ text: ArraySlice<UInt8>) {
        guard (20...35).contains(text.count) else { return nil }
        let base = text.startIndex
        func number(_ offset: Int, _ width: Int) -> Int? {
            var value = 0
            for index in offset..<(offset + width) {
                guard base + index < text.endIndex, text[base + index].isDigit else { return nil }
                value = value * 10 + Int(text[base + index] & 0x0F)
            }
            return value
        }
        func at(_ offset: Int, _ byte: UInt8) -> Bool { base + offset < text.endIndex && text[base + offset] == byte }
        guard let year = number(0, 4), at(4, 0x2D), let month = number(5, 2), at(7, 0x2D), let day = number(8, 2),
            at(10, 0x54), let hour = number(11, 2), at(13, 0x3A), let minute = number(14, 2), at(16, 0x3A),
            let second = number(17, 2), (1...9999).contains(year), (1...12).contains(month), hour < 24, minute < 60,
            second < 60
        else { return nil }
        let first = Timestamp.days(year, month, 1)
        let next = month == 12 ? Timestamp.days(year + 1, 1, 1) : Timestamp.days(year, month + 1, 1)
        guard (1...(next - first)).contains(day) else { return nil }
        var seconds = (first + day - 1) * 86_400 + hour * 3_600 + minute * 60 + second
        var offset = 19
        var nanoseconds = 0
        if at(offset, 0x2E) {
            offset += 1
            let start = offset
            var unit = 100_000_000
            while base + offset < text.endIndex, text[base + offset].isDigit {
                nanoseconds += Int(text[base + offset] & 0x0F) * unit
                unit /= 10
                offset += 1
            }
            guard offset > start, offset - start <= 9 else { return nil }
        }
        if at(offset, 0x5A) {
            offset += 1
        } else {
            guard at(offset, 0x2B) || at(offset, 0x2D), let hours = number(offset + 1, 2), at(offset + 3, 0x3A),
                let minutes = number(offset + 4, 2), hours < 24, minutes < 60
            else { return nil }
            seconds += (at(offset, 0x2B) ? -1 : 1) * (hours * 3_600 + minutes * 60)
            offset += 6
        }
        guard base + offset == text.endIndex, seconds >= Self.zero.seconds, seconds <= Timestamp.latest else {
            return nil
        }
        self.init(seconds: Int64(seconds), nanoseconds: Int32(nanoseconds))
    }

    /// In UTC, with as many digits as needed.
    func write(to out: inout [UInt8]) {
        func digits(_ number: Int, _ width: Int) {
            var unit = 1
            for _ in 1..<width { unit *= 10 }
            while unit > 0 {
                out.append(0x30 + UInt8(truncatingIfNeeded: number / unit % 10))
                unit /= 10
            }
        }
        let (day, rest) = (Int(seconds) + 86_400 * Self.ages).quotientAndRemainder(dividingBy: 86_400)
        let (year, month, date) = Timestamp.civil(day - Self.ages)
        digits(year, 4)
        out.append(0x2D)
        digits(month, 2)
        out.append(0x2D)
        digits(date, 2)
        out.append(0x54)
        digits(rest / 3_600, 2)
        out.append(0x3A)
        digits(rest / 60 % 60, 2)
        out.append(0x3A)
        digits(rest % 60, 2)
        if nanoseconds > 0 {
            out.append(0x2E)
            var (number, width) = (Int(nanoseconds), 9)
            while number % 10 == 0 && width > 1 { (number, width) = (number / 10, width - 1) }
            digits(number, width)
        }
        out.append(0x5A)
    }

    /// An offset that makes every day number positive: 719,162 days lie between the years 1 and 1970.
    private static let ages = 719_468
}
