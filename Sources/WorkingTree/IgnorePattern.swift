internal import Formats

/// One line of a .dockerignore file, compiled.
///
/// Source: moby/patternmatcher patternmatcher.go, Pattern.compile and Pattern.match. There patterns become Go
/// regular expressions; the few that occur are simple enough for a matcher of our own.
struct IgnorePattern: Equatable {
    /// Whether it re-includes what earlier lines excluded ("!").
    let isException: Bool
    private let way: Way

    /// A longer pattern matches no path that Linux accepts, or takes too long to match.
    private static let longest = 4096

    private enum Way: Equatable {
        case exact([UInt8])
        /// "dir/**"
        case prefix([UInt8])
        /// "**/name"
        case suffix([UInt8])
        case parts([Part])
    }

    private enum Part: Equatable {
        case byte(UInt8)
        /// "?": one character, or one byte that belongs to no character, but not a slash.
        case anyCharacter
        /// "*"
        case anyName
        /// "**/" in the middle: any number of directories, including none.
        case anyDirectories
        /// "**" at the end.
        case anything
        case oneOf([ClosedRange<UInt32>], isNegated: Bool)
    }

    /// From a cleaned pattern; nil if docker refuses it, or if this matcher cannot express it.
    init?(_ text: ByteString) {
        guard text.count <= Self.longest else { return nil }
        isException = text.hasPrefix("!")
        let pattern = (isException ? text.dropFirst(1) : text).bytes
        guard !pattern.isEmpty, let way = Self.compile(pattern) else { return nil }
        self.way = way
    }

    private static func compile(_ pattern: [UInt8]) -> Way? {
        var parts: [Part] = []
        var isExact = true
        var isPrefix = false
        var isSuffix = false
        var hasAnchor = false
        var index = 0
        while index < pattern.count {
            let byte = pattern[index]
            index += 1
            switch byte {
            case UInt8(ascii: "*") where index < pattern.count && pattern[index] == byte:
                let isFirst = index == 1
                index += 1
                if index < pattern.count, pattern[index] == UInt8(ascii: "/") { index += 1 }
                if index == pattern.count {
                    isPrefix = isExact
                    parts.append(.anything)
                } else {
                    parts.append(.anyDirectories)
                }
                isSuffix = isFirst
                isExact = false
            case UInt8(ascii: "*"):
                // A second one changes nothing.
                if parts.last != .anyName { parts.append(.anyName) }
                (isExact, isPrefix, isSuffix) = (false, false, false)
            case UInt8(ascii: "?"):
                parts.append(.anyCharacter)
                (isExact, isPrefix, isSuffix) = (false, false, false)
            case UInt8(ascii: "\\"):
                guard index < pattern.count else { return nil }
                parts.append(.byte(pattern[index]))
                index += 1
                (isExact, isPrefix, isSuffix) = (false, false, false)
            case UInt8(ascii: "["):
                guard let (part, next) = set(in: pattern, from: index) else { return nil }
                parts.append(part)
                index = next
                (isExact, isPrefix, isSuffix) = (false, false, false)
            case UInt8(ascii: "]"):
                parts.append(.byte(byte))
                (isExact, isPrefix, isSuffix) = (false, false, false)
            case UInt8(ascii: "^"):
                // In a regular expression, the beginning.
                hasAnchor = true
                parts.append(.byte(byte))
            default: parts.append(.byte(byte))
            }
        }
        if isExact { return .exact(pattern) }
        if isSuffix { return .suffix(Array(pattern.dropFirst(2))) }
        if isPrefix { return .prefix(Array(pattern.dropLast(2))) }
        return hasAnchor ? nil : .parts(parts)
    }

    /// "[a-c]", "[^a]": characters and ranges of them, up to the bracket.
    private static func set(in pattern: [UInt8], from start: Int) -> (Part, next: Int)? {
        guard let end = pattern[start...].firstIndex(of: UInt8(ascii: "]")), end > start,
            let text = String(validating: pattern[start..<end], as: UTF8.self)
        else { return nil }
        var scalars = Array(text.unicodeScalars.map(\.value))
        let isNegated = scalars.first == 0x5E
        if isNegated { scalars.removeFirst() }
        // "[[:alpha:]]" and "[\d]" are not supported here.
        guard !scalars.isEmpty, !scalars.contains(0x5B), !scalars.contains(0x5C) else { return nil }
        var ranges: [ClosedRange<UInt32>] = []
        var index = 0
        while index < scalars.count {
            if index + 2 < scalars.count, scalars[index + 1] == 0x2D {
                guard scalars[index] <= scalars[index + 2] else { return nil }
                ranges.append(scalars[index]...scalars[index + 2])
                index += 3
            } else {
                ranges.append(scalars[index]...scalars[index])
                index += 1
            }
        }
        return (.oneOf(ranges, isNegated: isNegated), end + 1)
    }

    /// Whether the pattern matches a path relative to the context; the caller has to consider what lies below it.
    func matches(_ path: ArraySlice<UInt8>) -> Bool {
        switch way {
        case .exact(let text): path.elementsEqual(text)
        case .prefix(let text): path.starts(with: text)
        case .suffix(let text):
            (path.count >= text.count && path.suffix(text.count).elementsEqual(text))
                || (text.first == UInt8(ascii: "/") && path.elementsEqual(text.dropFirst()))
        case .parts(let parts): Self.match(parts, path)
        }
    }

    /// Tracks all positions that the parts so far may have reached: the time is at most the pattern's length times
    /// the path's.
    private static func match(_ parts: [Part], _ path: ArraySlice<UInt8>) -> Bool {
        let path = Array(path)
        var places = [Bool](repeating: false, count: path.count + 1)
        places[0] = true
        for part in parts {
            var next = [Bool](repeating: false, count: path.count + 1)
            advance(part, from: places, in: path, into: &next)
            places = next
        }
        return places[path.count]
    }

    /// The positions that one part can reach; it looks at each position of the path once.
    private static func advance(_ part: Part, from places: [Bool], in path: [UInt8], into next: inout [Bool]) {
        let slash = UInt8(ascii: "/")
        // Whether a star started before this position, and has met no slash if that matters.
        var isOpen = false
        for place in 0...path.count {
            let isReached = places[place]
            let byte = place < path.count ? path[place] : nil
            switch part {
            case .byte(let wanted):
                if isReached, byte == wanted { next[place + 1] = true }
            case .anyCharacter:
                if isReached, let byte, byte != slash {
                    next[place + character(at: place, in: path[...]).length] = true
                }
            case .anyName:
                isOpen = isOpen || isReached
                if isOpen { next[place] = true }
                if byte == slash { isOpen = false }
            case .anyDirectories:
                if isReached { next[place] = true }
                isOpen = isOpen || isReached
                if isOpen, byte == slash { next[place + 1] = true }
            case .anything:
                isOpen = isOpen || isReached
                if isOpen { next[place] = true }
            case .oneOf(let ranges, let isNegated):
                guard isReached, byte != nil else { continue }
                let (value, length) = character(at: place, in: path[...])
                if ranges.contains(where: { $0.contains(value) }) != isNegated { next[place + length] = true }
            }
        }
    }

    /// A byte that starts no character counts as U+FFFD, as in Go.
    private static func character(at place: Int, in path: ArraySlice<UInt8>) -> (value: UInt32, length: Int) {
        let first = path[place]
        guard first >= 0x80 else { return (UInt32(first), 1) }
        var bytes = path[place...].prefix(4).makeIterator()
        var decoder = UTF8()
        guard case .scalarValue(let scalar) = decoder.decode(&bytes) else { return (0xFFFD, 1) }
        return (scalar.value, UTF8.width(scalar))
    }
}
