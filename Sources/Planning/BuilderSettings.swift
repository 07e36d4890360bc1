public import Formats

/// A BuildKit that several engines share: the settings `builder` and `builder.*`.
public struct BuilderSettings: Equatable, Sendable {
    /// Who loads a built image into the engine.
    public enum Load: ByteString, CaseIterable, Sendable {
        /// buildx, all of it, as after any build.
        case engine = "engine"
        /// `slipway build`, which the shim then becomes: only what changed.
        case shim = "shim"
    }

    /// `builder`: buildx builders that builds go to, each repository to one of them; none for the engine's own.
    public var names: [ByteString] = []
    /// `builder.wait`: how long a build waits for shared builders to answer, all together (in nanoseconds).
    public var wait: Int64 = 50_000_000
    /// `builder.registry`: a registry and a path in it that the builder pushes to and this engine pulls from, so that `slipway build` moves
    /// only new layers; nil for none.
    public var registry: ByteString?
    /// `builder.load`: whether `docker build` on a shared builder loads the whole image, or becomes `slipway build`, which loads what changed.
    public var load = Load.engine

    /// As long as a build waits for its own engine.
    static let longestWait: Int64 = 1_000_000_000
    /// More would only be looked through.
    public static let most = 64

    /// The defaults.
    public init() {}

    /// Names in the order given, each once; nil for a list with a name that buildx would not take, or without any.
    public static func names(_ text: ByteString) -> [ByteString]? {
        var names: [ByteString] = []
        for field in text.split(",") {
            let name = field.trimmed
            guard isName(name) else { return nil }
            // buildx takes names that differ in their capitals for one.
            guard !names.contains(where: { $0.lowercasedASCII == name.lowercasedASCII }) else { continue }
            names.append(name)
        }
        return names.isEmpty || names.count > most ? nil : names
    }

    /// Source: docker/buildx store/util.go, namePattern. None can be taken for an option.
    public static func isName(_ text: ByteString) -> Bool {
        guard let first = text.bytes.first, first.isLetter, text.count <= 128 else { return false }
        return text.bytes.allSatisfy {
            $0.isLetter || $0.isDigit || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
        }
    }
}

extension Settings {
    static let builderRows: [Definition] = [
        Definition(key: "builder", expects: "names of buildx builders with commas between them, or none") {
            value, settings in
            guard value != "none" else {
                settings.builder.names = []
                return true
            }
            guard let names = BuilderSettings.names(value) else { return false }
            settings.builder.names = names
            return true
        } show: {
            $0.builder.names.joined(separator: ",")
        },
        Definition(key: "builder.wait", expects: "a time of at most a second, such as 200ms") { value, settings in
            guard let wait = TimeSpan.parse(value), wait > 0, wait <= BuilderSettings.longestWait else { return false }
            settings.builder.wait = wait
            return true
        } show: {
            TimeSpan.text($0.builder.wait)
        },
        Definition(
            key: "builder.registry", expects: "a registry and a path in it, such as registry.example.com/team/images"
        ) { value, settings in
            guard let prefix = RemoteSettings.prefix(value) else { return false }
            settings.builder.registry = prefix
            return true
        } show: {
            $0.builder.registry ?? ""
        },
        .choice("builder.load", expects: "engine or shim", { $0.builder.load = $1 }, { $0.builder.load }),
    ]
}
