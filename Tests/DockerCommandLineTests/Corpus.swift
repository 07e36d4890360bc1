import DockerCommandLine
import Formats
import Testing

/// The command lines of corpus.txt.
enum Corpus {
    struct Entry: Sendable, CustomTestStringConvertible {
        let number: Int
        let line: ByteString
        let meaning: ByteString
        var testDescription: String { "\(number): \(line)" }
    }

    static let entries: [Entry] = {
        guard let text = Resource.read("corpus", "txt") else { return [] }
        var entries: [Entry] = []
        var line: ByteString?
        for (index, row) in text.split("\n").enumerated() where !row.isEmpty && !row.hasPrefix("#") {
            if !row.hasPrefix(" ") {
                line = row
            } else if let given = line {
                entries.append(Entry(number: index, line: given, meaning: row.trimmed))
                line = nil
            }
        }
        return entries
    }()

    /// The arguments in a line.
    static func words(of line: ByteString) -> [ByteString] {
        var words: [ByteString] = []
        var word: ByteString?
        var rest = line.bytes[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: " "):
                if let finished = word { words.append(finished) }
                word = nil
            case UInt8(ascii: "'"):
                word = (word ?? "") + ByteString(rest.prefix { $0 != UInt8(ascii: "'") })
                rest = rest.drop { $0 != UInt8(ascii: "'") }.dropFirst()
            case UInt8(ascii: "$") where rest.first == UInt8(ascii: "'"):
                rest.removeFirst()
                word = (word ?? "") + escaped(&rest)
            default:
                word = (word ?? "") + ByteString([byte])
            }
        }
        if let finished = word { words.append(finished) }
        return words
    }

    private static func escaped(_ rest: inout ArraySlice<UInt8>) -> ByteString {
        var result: [UInt8] = []
        while let byte = rest.popFirst(), byte != UInt8(ascii: "'") {
            if byte != UInt8(ascii: "\\") {
                result.append(byte)
            } else if rest.popFirst() == UInt8(ascii: "n") {
                result.append(0x0A)
            } else {
                result.append(UInt8(ByteString(rest.prefix(2)).lossy, radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            }
        }
        return ByteString(result)
    }

    /// A word in the corpus's notation.
    static func quoted(_ word: ByteString) -> ByteString {
        let isPlain: (UInt8) -> Bool = { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"):
                true
            default: ByteString("_./:=,@%+#-").bytes.contains(byte)
            }
        }
        let isPrintable: (UInt8) -> Bool = { (0x20..<0x7F).contains($0) }
        if !word.isEmpty, word.bytes.allSatisfy(isPlain) { return word }
        if word.bytes.allSatisfy({ isPrintable($0) && $0 != UInt8(ascii: "'") }) { return "'" + word + "'" }
        let pieces = word.bytes.map { byte in
            let stands = isPrintable(byte) && byte != UInt8(ascii: "'") && byte != UInt8(ascii: "\\")
            return stands ? ByteString([byte]) : ByteString((byte < 16 ? "\\x0" : "\\x") + String(byte, radix: 16))
        }
        return "$'" + pieces.joined(separator: "") + "'"
    }

    /// An invocation in the corpus's notation.
    static func meaning(of invocation: Invocation) -> ByteString {
        switch invocation {
        case .other(nil): return "other"
        case .other(let word?): return "other " + quoted(word)
        case .notUnderstood(let error): return name(of: error) + "@" + ByteString(decimal: error.index)
        case .container(let container):
            var words = [container.word + "@" + ByteString(decimal: container.commandWordIndex)]
            func add(_ name: ByteString, _ values: [ByteString]) { words += values.map { name + "=" + quoted($0) } }
            words += Self.words(of: container.globals)
            add("variable", container.variables)
            add("env-file", container.environmentFiles)
            add("at", container.mountTargets ?? [])
            if container.mountTargets == nil { words.append("mounts-unclear") }
            add("source", container.mountSources.map(\.path))
            if container.isPassThrough { words.append("left-alone") }
            add("image", container.image.map { [$0] } ?? [])
            return words.joined(separator: " ")
        case .volume(let volume):
            var words = ["volume@" + ByteString(decimal: volume.commandWordIndex)]
            words += Self.words(of: volume.globals) + volume.mountSources.map { "source=" + quoted($0.path) }
            if volume.isPassThrough { words.append("left-alone") }
            return words.joined(separator: " ")
        case .compose(let compose):
            var words = ["compose-" + compose.word + "@" + ByteString(decimal: compose.commandWordIndex)]
            words += Self.words(of: compose.globals)
            words += compose.files.map { "file=" + quoted($0) }
            words += compose.environmentFiles.map { "env-file=" + quoted($0) }
            words += (compose.projectDirectory.map { [$0] } ?? []).map { "directory=" + quoted($0) }
            words += (compose.builder.map { [$0] } ?? []).map { "builder=" + quoted($0) }
            if compose.noCache { words.append("no-cache") }
            if compose.builds { words.append("builds") }
            if compose.isRemote { words.append("remote") }
            words += compose.mountSources.map { "source=" + quoted($0.path) }
            if compose.isPassThrough { words.append("left-alone") }
            words += compose.services.map { "name=" + quoted($0) }
            return words.joined(separator: " ")
        case .bake(let bake):
            let route: ByteString =
                switch bake.route {
                case .forwarded: "bake@"
                case .builder: "builder-bake@"
                case .buildx: "buildx-bake@"
                }
            var words = [route + ByteString(decimal: bake.commandWordIndex)]
            words += Self.words(of: bake.globals)
            words += (bake.builder.map { [$0] } ?? []).map { "builder=" + quoted($0) }
            words += bake.files.map { "file=" + quoted($0) } + bake.overrides.map { "set=" + quoted($0) }
            if bake.noCache { words.append("no-cache") }
            if bake.isRemote { words.append("remote") }
            if bake.isPassThrough { words.append("left-alone") }
            words += bake.positionals.map { "name=" + quoted($0) }
            return words.joined(separator: " ")
        case .build(let build):
            let route: ByteString = build.route == .buildx ? "buildx@" : "build@"
            var words = [route + ByteString(decimal: build.commandWordIndex)]
            func add(_ name: ByteString, _ values: [ByteString]) { words += values.map { name + "=" + quoted($0) } }
            func add(_ name: ByteString, _ value: ByteString?) { add(name, value.map { [$0] } ?? []) }
            words += Self.words(of: build.globals)
            add("builder", build.builder)
            add("file", build.file)
            add("target", build.target)
            add("platform", build.platforms)
            add("build-arg", build.buildArguments)
            add("build-context", build.buildContexts)
            add("tag", build.tags)
            add("output", build.outputs)
            add("cache-from", build.cacheFrom)
            add("cache-to", build.cacheTo)
            if build.noCache { words.append("no-cache") }
            if build.isPassThrough { words.append("left-alone") }
            add("path", build.positionals)
            return words.joined(separator: " ")
        }
    }

    private static func words(of globals: GlobalOptions) -> [ByteString] {
        let values: [(ByteString, [ByteString?])] = [
            ("config", [globals.configDirectory]), ("context", [globals.context]), ("host", globals.hosts),
            ("tls", [globals.tls.map { $0 ? "true" : "false" }]),
            ("tlsverify", [globals.tlsVerify.map { $0 ? "true" : "false" }]),
        ]
        return values.flatMap { name, values in values.compactMap { $0.map { name + "=" + quoted($0) } } }
    }

    private static func name(of error: GrammarError) -> ByteString {
        switch error {
        case .unknownFlag: "unknownFlag"
        case .missingValue: "missingValue"
        case .badBoolean: "badBoolean"
        case .badSyntax: "badSyntax"
        case .betweenCommandWords: "betweenCommandWords"
        case .commandWordRepeated: "commandWordRepeated"
        }
    }
}
