internal import Formats

// Questions about bytes that the rules ask many times for each word: nothing here makes a copy.

extension Array<UInt8> {
    /// Whether the bytes in `range` are exactly `text`.
    func holds(_ text: StaticString, at range: Range<Int>) -> Bool {
        range.count == text.utf8CodeUnitCount && hasPrefix(text, at: range)
    }

    /// Whether the bytes in `range` start with `text`.
    func hasPrefix(_ text: StaticString, at range: Range<Int>) -> Bool {
        let length = text.utf8CodeUnitCount
        guard range.count >= length, range.lowerBound >= 0, range.upperBound <= count else { return false }
        return text.withUTF8Buffer { wanted in
            for index in 0..<length where self[range.lowerBound + index] != wanted[index] { return false }
            return true
        }
    }

    /// Whether the bytes in `range` end with `text`.
    func hasSuffix(_ text: StaticString, at range: Range<Int>) -> Bool {
        range.count >= text.utf8CodeUnitCount
            && holds(text, at: range.upperBound - text.utf8CodeUnitCount..<range.upperBound)
    }

    /// Whether the bytes in `range` are `text`, which is in lower case, ignoring case.
    func holdsIgnoringCase(_ text: StaticString, at range: Range<Int>) -> Bool {
        let length = text.utf8CodeUnitCount
        guard range.count == length, range.lowerBound >= 0, range.upperBound <= count else { return false }
        return text.withUTF8Buffer { wanted in
            for index in 0..<length where self[range.lowerBound + index].smallASCII != wanted[index] { return false }
            return true
        }
    }

    /// The first position of `byte` in `range`.
    func firstIndex(of byte: UInt8, in range: Range<Int>) -> Int? {
        var index = Swift.max(0, range.lowerBound)
        let end = Swift.min(range.upperBound, count)
        while index < end {
            if self[index] == byte { return index }
            index += 1
        }
        return nil
    }

    /// The range without the bytes at both ends for which `isBlank` is true.
    func trimmed(_ range: Range<Int>, _ isBlank: (UInt8) -> Bool) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, isBlank(self[start]) { start += 1 }
        while start < end, isBlank(self[end - 1]) { end -= 1 }
        return start..<end
    }

    /// Whether `text` occurs in `range`.
    func contains(_ text: StaticString, in range: Range<Int>) -> Bool {
        let length = text.utf8CodeUnitCount
        guard range.count >= length, range.lowerBound >= 0, range.upperBound <= count, length > 0 else { return false }
        // The guard has checked that the range lies within the bytes; unchecked access, because this runs over whole
        // files.
        return withUnsafeBufferPointer { bytes in
            text.withUTF8Buffer { wanted in
                let first = wanted[0]
                for start in range.lowerBound...(range.upperBound - length) where bytes[start] == first {
                    if (1..<length).allSatisfy({ bytes[start + $0] == wanted[$0] }) { return true }
                }
                return false
            }
        }
    }
}

extension UInt8 {
    /// A space or a tab.
    var isBlank: Bool { self == 0x20 || self == 0x09 }
    /// Whitespace between words: blanks and line ends.
    var isSpace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
    /// Whether it can be part of a name: a letter, a digit, or "_".
    var isNameByte: Bool { isLetter || isDigit || self == UInt8(ascii: "_") }
}
