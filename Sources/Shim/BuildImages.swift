internal import BuildCache
internal import Formats
internal import History
internal import Host
internal import Notes

/// The images that a build starts from or copies from, read off its Dockerfile. Doubt throws: what is named by something that only
/// BuildKit works out is not known here.
struct BuildImages {
    /// What cannot be told, for people.
    struct Unclear: Error {
        let text: ByteString
    }

    private(set) var names: [ByteString] = []
    private var stages: Set<ByteString> = []
    private var arguments: [ByteString: ByteString] = [:]

    private static let largest = 65_536

    /// Of a build with these named contexts ("name=place").
    init(of build: BuildDescription, contexts: [ByteString]) throws(Unclear) {
        guard case .directory(let context) = build.context else {
            throw Unclear(text: "the context is not a directory")
        }
        guard build.dockerfile != "-", build.dockerfile?.range(of: "://") == nil else {
            throw Unclear(text: "the Dockerfile is not a file here")
        }
        let file = build.dockerfile ?? context.appending(path: "Dockerfile")
        guard let status = try? Files.status(file), status.kind == .regular, status.size <= Self.largest,
            let text = try? Files.read(file, within: file.parentPath, limit: Self.largest)
        else { throw Unclear(text: file) }
        for entry in contexts {
            guard let (name, place) = entry.cut(at: "=") else { throw Unclear(text: entry) }
            stages.insert(name.lowercasedASCII)
            // "name:tag" stands for the image of this name, too.
            if let (bare, tag) = name.cutLast(at: ":"), tag == "latest" { stages.insert(bare.lowercasedASCII) }
            if place.hasPrefix("docker-image://") { try add(place.dropFirst(15)) }
        }
        for entry in build.arguments {
            if let (name, value) = entry.cut(at: "=") { arguments[name] = value }
        }
        try read(text)
    }

    /// Of a text.
    init(dockerfile text: ByteString, arguments: [ByteString: ByteString] = [:]) throws(Unclear) {
        self.arguments = arguments
        try read(text)
    }

    private mutating func read(_ text: ByteString) throws(Unclear) {
        try readDirectives(text)
        let given = arguments
        var count = 0
        for instruction in DockerfileOutline(text).instructions {
            let words = instruction.text.split(" ").flatMap { $0.split("\t") }.filter { !$0.isEmpty }
            switch instruction.word {
            case "ARG" where instruction.stage < 0:
                for word in words {
                    let (name, value) = word.cut(at: "=") ?? (word, "")
                    // One that only BuildKit knows, such as a platform, may not be needed.
                    arguments[name] = given[name] ?? (try? expanded(Self.unquoted(value)))
                }
            case "FROM":
                let rest = words.drop { $0.hasPrefix("--") }
                guard let first = rest.first else { throw Unclear(text: "FROM") }
                try use(try expanded(first))
                if rest.count >= 3 { stages.insert(rest[rest.startIndex + 2].lowercasedASCII) }
                stages.insert(ByteString(decimal: count))
                count += 1
            case "COPY", "ADD", "RUN", "ONBUILD":
                for word in words {
                    if word.hasPrefix("--from=") { try use(try expanded(word.dropFirst(7))) }
                    guard word.hasPrefix("--mount=") else { continue }
                    for field in CSV.fields(of: word.dropFirst(8)) ?? [] where field.hasPrefix("from=") {
                        try use(try expanded(field.dropFirst(5)))
                    }
                }
            default: continue
            }
        }
    }

    /// A frontend is an image, and one of somebody's own may name images in any way.
    ///
    /// Source: moby/buildkit frontend/dockerfile/parser/directives.go, DetectSyntax.
    private mutating func readDirectives(_ text: ByteString) throws(Unclear) {
        let byteOrderMark = ByteString([0xEF, 0xBB, 0xBF])
        if text.hasPrefix(byteOrderMark) || text.hasPrefix("#!") || text.trimmed.hasPrefix("//")
            || text.trimmed.hasPrefix("{")
        {
            throw Unclear(text: "the Dockerfile's syntax")
        }
        for line in text.split("\n") {
            let line = line.trimmed
            guard line.hasPrefix("#") else { break }
            guard let (name, value) = line.dropFirst(1).cut(at: "="), name.trimmed.lowercasedASCII == "syntax" else {
                continue
            }
            let frontend = value.trimmed.split(" ").first ?? ""
            let known = ["docker/dockerfile", "docker.io/docker/dockerfile"] as [ByteString]
            guard known.contains(where: { frontend == $0 || frontend.hasPrefix($0 + ":") }) else {
                throw Unclear(text: "the frontend " + frontend)
            }
            try add(frontend)
        }
    }

    private mutating func use(_ name: ByteString) throws(Unclear) {
        guard !stages.contains(name.lowercasedASCII), name != "scratch" else { return }
        try add(name)
    }

    private mutating func add(_ name: ByteString) throws(Unclear) {
        guard !name.isEmpty else { throw Unclear(text: "an image without a name") }
        if !names.contains(name) { names.append(name) }
    }

    private static func unquoted(_ text: ByteString) -> ByteString {
        for quote in ["\"", "'"] as [ByteString] where text.count >= 2 && text.hasPrefix(quote) && text.hasSuffix(quote)
        {
            return text.dropFirst(1).dropLast(1)
        }
        return text
    }

    /// `$NAME`, `${NAME}` and `${NAME:-default}` of the arguments before the first FROM; nothing else.
    private func expanded(_ text: ByteString) throws(Unclear) -> ByteString {
        var result: ByteString = ""
        var rest = Self.unquoted(text)
        func isName(_ byte: UInt8) -> Bool { byte.isLetter || byte.isDigit || byte == UInt8(ascii: "_") }
        guard rest.range(of: "\\") == nil, rest.range(of: "\"") == nil, rest.range(of: "'") == nil else {
            throw Unclear(text: text)
        }
        while let (before, after) = rest.cut(at: "$") {
            result += before
            if after.hasPrefix("{") {
                guard let (inside, behind) = after.dropFirst(1).cut(at: "}") else { throw Unclear(text: text) }
                let (name, fallback) =
                    inside.range(of: ":-").map { (inside.prefix($0.lowerBound), inside.dropFirst($0.upperBound)) } ?? (
                        inside, ""
                    )
                guard name.bytes.allSatisfy(isName), !fallback.contains("$"),
                    let value = arguments[name] ?? (fallback.isEmpty ? nil : "")
                else { throw Unclear(text: text) }
                result += value.isEmpty ? fallback : value
                rest = behind
            } else {
                let name = ByteString(after.bytes.prefix(while: isName))
                guard let value = arguments[name] else { throw Unclear(text: text) }
                result += value
                rest = after.dropFirst(name.count)
            }
        }
        return result + rest
    }
}
