/// One record of comma-separated fields, as Go's encoding/csv reads it in docker's own option values.
public enum CSV {
    /// A field and the range of bytes that it was written in, including its quotes.
    public struct Field: Equatable, Sendable {
        /// Its unquoted text.
        public let text: ByteString
        /// Its range in the record.
        public let place: Range<Int>
    }

    /// The fields of a record; nil for an empty record, for a quote where Go refuses one, and for a record that
    /// contains a line break.
    public static func fields(of record: ByteString) -> [ByteString]? { places(of: record)?.map(\.text) }

    /// The fields of a record with their ranges; nil as for `fields`.
    public static func places(of record: ByteString) -> [Field]? {
        let text = record.bytes
        let comma = UInt8(ascii: ","), quote = UInt8(ascii: "\"")
        guard !text.isEmpty, !text.contains(0x0A), !text.contains(0x0D) else { return nil }
        var fields: [Field] = []
        var position = 0
        while true {
            var field: [UInt8] = []
            let start = position
            if position < text.count, text[position] == quote {
                position += 1
                while true {
                    guard let end = text[position...].firstIndex(of: quote) else { return nil }
                    field += text[position..<end]
                    position = end + 1
                    guard position < text.count, text[position] == quote else { break }
                    field.append(quote)
                    position += 1
                }
                guard position == text.count || text[position] == comma else { return nil }
            } else {
                let end = text[position...].firstIndex(of: comma) ?? text.count
                field += text[position..<end]
                guard !field.contains(quote) else { return nil }
                position = end
            }
            fields.append(Field(text: ByteString(field), place: start..<position))
            guard position < text.count else { return fields }
            position += 1
        }
    }

    /// A record of the fields, each quoted only if it must be. A lone empty field is quoted, as in Go: otherwise the
    /// record would have no field.
    public static func record(of fields: [ByteString]) -> ByteString {
        if fields == [""] { return "\"\"" }
        return fields.map { field in
            guard field.contains(",") || field.contains("\"") else { return field }
            var quoted: [UInt8] = [UInt8(ascii: "\"")]
            for byte in field.bytes {
                if byte == UInt8(ascii: "\"") { quoted.append(byte) }
                quoted.append(byte)
            }
            quoted.append(UInt8(ascii: "\""))
            return ByteString(quoted)
        }.joined(separator: ",")
    }
}
