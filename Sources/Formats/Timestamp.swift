/// A point in time as people write it, in seconds since 1970.
public enum Timestamp {
    /// The last second whose year has four digits.
    public static let latest = 253_402_300_799

    private static let day = 86_400
    private static let units: [(letter: UInt8, seconds: Int)] = [
        (UInt8(ascii: "s"), 1), (UInt8(ascii: "m"), 60), (UInt8(ascii: "h"), 3_600), (UInt8(ascii: "d"), day),
        (UInt8(ascii: "w"), 7 * day),
    ]

    /// A duration before `now` (90s, 1h30m, 2w) or an ISO 8601 date or time; nil for anything else. A time without a
    /// zone is local, as with `docker logs --since`: `offset` returns how far local time is ahead of UTC at a given
    /// time.
    public static func parse(_ text: ByteString, now: Int, offset: (Int) -> Int) -> Int? {
        if let seconds = duration(text) { return now - seconds }
        var reader = Reader(text.bytes)
        guard let date = reader.date() else { return nil }
        if reader.isAtEnd { return local(date, offset) }
        guard reader.take("T") || reader.take("t") || reader.take(" "), let time = reader.time() else { return nil }
        if reader.isAtEnd { return local(date + time, offset) }
        guard let zone = reader.zone(), reader.isAtEnd else { return nil }
        return date + time - zone
    }

    /// In ISO 8601, in UTC; a time outside of the years 1970 to 9999 becomes the nearest one inside.
    public static func text(_ seconds: Int) -> ByteString {
        let seconds = min(max(0, seconds), latest)
        let (year, month, day) = civil(seconds / day)
        let rest = seconds % Self.day
        func digits(_ number: Int) -> ByteString { ByteString(decimal: number).zeroPadded(to: 2) }
        let date = [ByteString(decimal: year), digits(month), digits(day)].joined(separator: "-")
        let time = [rest / 3_600, rest / 60 % 60, rest % 60].map(digits).joined(separator: ":")
        return date + "T" + time + "Z"
    }

    /// One or more pairs of number and unit; nil if the result would lie far before the year 1.
    private static func duration(_ text: ByteString) -> Int? {
        var rest = text.bytes[...]
        var sum = 0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let number = rest.prefix(while: \.isDigit)
            rest = rest.dropFirst(number.count)
            guard let letter = rest.popFirst(), let count = ByteString(number).decimal,
                let unit = units.first(where: { $0.letter == letter | 0x20 })
            else { return nil }
            let (seconds, overflow) = count.multipliedReportingOverflow(by: unit.seconds)
            guard !overflow, seconds <= latest else { return nil }
            sum += seconds
            guard sum <= latest else { return nil }
        }
        return sum
    }

    private static func local(_ wall: Int, _ offset: (Int) -> Int) -> Int {
        // Applied again to the result: the clocks may have changed in between.
        wall - offset(wall - offset(wall))
    }

    /// Days since 1970 of a date in the Gregorian calendar. Years are counted from March, so that the leap day comes
    /// last.
    public static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month > 2 ? year : year - 1
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return 365 * year + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
    }

    /// The date of a day in the years 1 to 9999.
    public static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let days = days + 719_468
        let era = days / 146_097
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let isNextYear = month >= 10
        return (
            era * 400 + yearOfEra + (isNextYear ? 1 : 0), isNextYear ? month - 9 : month + 3,
            dayOfYear - (153 * month + 2) / 5 + 1
        )
    }
}

/// A cursor over a date.
private struct Reader {
    private var rest: ArraySlice<UInt8>

    init(_ text: [UInt8]) { rest = text[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ character: Character) -> Bool {
        guard let byte = rest.first, byte == character.asciiValue else { return false }
        rest = rest.dropFirst()
        return true
    }

    private mutating func number(_ width: Int, in range: ClosedRange<Int>) -> Int? {
        guard let number = ByteString(rest.prefix(width)).decimal, rest.count >= width, range.contains(number) else {
            return nil
        }
        rest = rest.dropFirst(width)
        return number
    }

    /// YYYY-MM-DD, as seconds.
    mutating func date() -> Int? {
        guard let year = number(4, in: 1...9999), take("-"), let month = number(2, in: 1...12), take("-"),
            let day = number(2, in: 1...31)
        else { return nil }
        let first = Timestamp.days(year, month, 1)
        // A thirteenth month is the next year's first.
        guard day <= Timestamp.days(year, month + 1, 1) - first else { return nil }
        return (first + day - 1) * 86_400
    }

    /// HH:MM, with or without seconds; a fraction is dropped, since the journal has none.
    mutating func time() -> Int? {
        guard let hour = number(2, in: 0...23), take(":"), let minute = number(2, in: 0...59) else { return nil }
        var seconds = hour * 3_600 + minute * 60
        guard take(":") else { return seconds }
        guard let second = number(2, in: 0...59) else { return nil }
        seconds += second
        if take(".") || take(",") {
            let fraction = rest.prefix(while: \.isDigit)
            guard !fraction.isEmpty else { return nil }
            rest = rest.dropFirst(fraction.count)
        }
        return seconds
    }

    /// Z, +HH, +HHMM or +HH:MM, as seconds ahead of UTC.
    mutating func zone() -> Int? {
        if take("Z") || take("z") { return 0 }
        let isBehind = take("-")
        guard isBehind || take("+"), let hours = number(2, in: 0...23) else { return nil }
        var seconds = hours * 3_600
        if !isAtEnd {
            _ = take(":")
            guard let minutes = number(2, in: 0...59) else { return nil }
            seconds += minutes * 60
        }
        return isBehind ? -seconds : seconds
    }
}
