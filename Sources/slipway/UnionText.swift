import BuildCache
import Formats
import Notes
import Planning

extension UnionSummary {
    /// Stable for programs.
    var json: JSON {
        let (kind, name): (ByteString, ByteString) =
            switch place {
            case .store: ("store", "")
            case .repository(let tag): ("repository", tag)
            case .key(let name): ("key", name)
            }
        return .object([
            "of": .string(kind), "name": .string(name), "users": .array(users.map { .integer(Int($0)) }),
            "exports": .integer(exports), "keys": .integer(keys), "records": .integer(records),
            "layers": .integer(layers), "config": .integer(configBytes), "manifest": .integer(manifestBytes),
            "apart": .integer(apart), "bytes": .integer(Int(clamping: bytes)),
            "oldest": .integer(Int(oldest / 1_000_000_000)), "written": .integer(Int(written / 1_000_000_000)),
            "leftOut": .array(
                leftOut.map {
                    .object([
                        "code": .string($0.reason.code), "sentence": .string(ByteString($0.reason.sentence)),
                        "count": .integer($0.count), "example": .string($0.example),
                    ])
                }),
        ])
    }

    /// For people.
    var lines: [ByteString] {
        func count(_ number: Int, _ noun: ByteString) -> ByteString {
            ByteString(decimal: number) + " " + noun + (number == 1 ? "" : "s")
        }
        var name: ByteString =
            switch place {
            case .store: "union of all keys"
            case .repository(let tag): "union of repository " + tag
            case .key(let key): "union for " + key
            }
        if users.count > 1 {
            name += ", users " + users.map { ByteString(decimal: Int($0)) }.joined(separator: " and ")
        }
        var holds = [
            count(exports, "export") + " of " + count(keys, "key"), count(records, "record"), count(layers, "layer"),
            "config " + ByteSize.text(UInt64(clamping: configBytes)),
        ]
        if apart > 0 {
            holds.append(ByteSize.text(bytes) + " with " + count(apart, "manifest") + " for builds at once")
        }
        return ["  " + name + ": " + holds.joined(separator: ", ")]
            + leftOut.map {
                "    without " + ByteString(decimal: $0.count) + ": " + ByteString($0.reason.sentence) + " ("
                    + $0.reason.code + "), such as " + $0.example
            }
    }
}
