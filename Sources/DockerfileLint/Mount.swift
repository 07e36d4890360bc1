internal import Formats

/// One `RUN --mount=...` (moby/buildkit frontend/dockerfile/instructions/commands_runmount.go, `parseMount`).
struct Mount: Sendable {
    enum Kind: Sendable { case cache, tmpfs, bind, other }

    /// One key with its value.
    struct Field: Sendable {
        let key: ByteString
        let value: ByteString
        /// Its range in the instruction's text; nil if quotes hide it.
        let place: Range<Int>?
    }

    let kind: Kind
    let fields: [Field]
    /// The range of the whole flag in the instruction's text.
    let flag: Range<Int>
    /// Whether a field can simply be appended after the last one.
    let isPlain: Bool

    /// nil if the flag is not a mount, or BuildKit would refuse it.
    init?(_ text: LogicalText, _ flag: Range<Int>, escape: UInt8) {
        let name: StaticString = "--mount="
        guard text.bytes.hasPrefix(name, at: flag) else { return nil }
        let range = flag.lowerBound + name.utf8CodeUnitCount..<flag.upperBound
        let written = Array(text.bytes[range])
        let value = WordScanner.value(of: range, in: text.bytes, escape: escape)
        let isPlain = written == value
        guard let places = CSV.places(of: ByteString(value)) else { return nil }
        fields = places.map { field in
            let (key, value) = field.text.cut(at: "=").map { ($0.before, $0.after) } ?? (field.text, "")
            let place = field.place.lowerBound + range.lowerBound..<field.place.upperBound + range.lowerBound
            return Field(key: key.trimmed.lowercasedASCII, value: value, place: isPlain ? place : nil)
        }
        let type = fields.last { $0.key == "type" }?.value.lowercasedASCII
        kind = type == "cache" ? .cache : type == "tmpfs" ? .tmpfs : type == nil || type == "bind" ? .bind : .other
        self.flag = flag
        self.isPlain = isPlain && text.isUnbroken(flag) && !written.contains(UInt8(ascii: "\""))
    }

    /// The last value of one of these keys.
    func value(_ keys: ByteString...) -> ByteString? { fields.last { keys.contains($0.key) }?.value }

    /// The target, as written.
    var target: ByteString? { value("target", "dst", "destination") }

    /// `uid=`; nil if missing or not a number.
    var uid: Int? { value("uid")?.decimal }

    /// The identity of a cache: its id, or its target.
    var identity: ByteString? { value("id") ?? target }

    /// Whether the mount is read-only.
    var isReadOnly: Bool {
        guard let field = fields.last(where: { ["ro", "readonly", "rw", "readwrite"].contains($0.key) }) else {
            return false
        }
        let isNo = ["false", "0", "f"].contains(field.value.lowercasedASCII)
        return field.key.hasPrefix("ro") || field.key == "readonly" ? !isNo : isNo
    }
}
