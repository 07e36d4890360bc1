import DockerCommandLine
import Formats
import History
import Planning
import Report

@testable import BuildCache
@testable import Engine
@testable import Git
@testable import PathMap

/// Texts that are read as a whole.
enum Texts {
    /// Settings in effect can be written, and are the same when read again.
    static func settings(_ input: ByteString) {
        var settings = Settings()
        _ = settings.apply(lines: input, from: "a file")
        var again = Settings()
        let rows = Settings.rows.map { ($0.key, $0.show(settings)) }
        let lines = rows.filter { !$0.1.isEmpty }.map { $0.0 + " = " + $0.1 }
        // The value of a line ends with the line, and does not include surrounding blanks.
        guard !rows.contains(where: { $0.1.contains("\n") || $0.1 != $0.1.trimmed }) else { return }
        require(
            again.apply(lines: lines.joined(separator: "\n"), from: "again").isEmpty, "what is shown is not understood")
        require(rows.map(\.1) == Settings.rows.map { $0.show(again) }, "what is shown is another setting")
        var third = Settings()
        _ = third.apply(environment: input.split("\n").map { "SLIPWAY_" + $0 })
    }

    /// A JSON value that is written and read again is the same.
    static func json(_ input: ByteString) {
        guard let json = JSON(input) else { return }
        let text = json.text
        guard let again = JSON(text) else { return require(false, "what was written is no JSON") }
        require(again.text == text, "another text of the same document")
        _ = json.integer
        _ = json[field: "a"]
        _ = json[key: "a"]
    }

    static func csv(_ input: ByteString) {
        let words = input.split("\n")
        if !input.contains("\r") {
            require(CSV.fields(of: CSV.record(of: words)) == words, "a record is not its fields")
        }
        guard let places = CSV.places(of: input) else { return }
        for field in places {
            require(field.place.lowerBound >= 0 && field.place.upperBound <= input.count, "a field stands outside")
        }
        let fields = places.map(\.text)
        require(CSV.fields(of: CSV.record(of: fields)) == fields, "fields are not their record's")
    }

    /// A file of mounts, and the memory of a table.
    static func mountInfo(_ input: ByteString) {
        let mounts = MountInfo(input)
        _ = mounts.container
        _ = mounts.isInRoot("/a/b")
        for mount in mounts.mounts.prefix(4) {
            let point = ByteString(mount.point)
            require(mounts.root(at: point) != nil, "a mount is not found at its place")
            require(MountInfo.unescaped(MountInfo.escaped(point).bytes[...]) == mount.point, "an escape is lost")
        }
        if let table = RememberedTable(line: input) {
            require(RememberedTable(line: table.line) == table, "what is remembered is another table")
        }
        if let pairs = PathTable.parse(input) {
            require(PathTable.parse(CSV.record(of: pairs.map(\.text))) == pairs, "a table's text is another table")
        }
        if let json = JSON(input) { _ = ContainerMount.list(in: json) }
    }

    /// git's files: a configuration, and addresses.
    static func git(_ input: ByteString) {
        let value = GitConfig(input)?.url(ofRemote: "origin") ?? input
        guard let origin = OriginURL.normalized(value) else { return }
        require(!origin.isEmpty, "an address that names nothing")
        _ = OriginURL.localPath(value)
    }

    /// Files of docker and buildx.
    static func dockerFiles(_ input: ByteString) {
        _ = DockerConfiguration(directory: "/c", text: input)
        _ = BuilderInstance(input)
        _ = DockerProgram(printed: input)
        _ = BuildxProgram(metadata: input)
        if let version = Version(parsing: input) {
            require(Version(parsing: version.text) == version, "a version's text")
        }
        _ = EnvironmentFile.names(in: input)
        _ = HostTable.addresses(of: "localhost", in: input)
    }

    /// Slipway's own files: the journal, keys, names of exports.
    static func records(_ input: ByteString) {
        _ = JournalEntry.entries(in: input)
        if let name = ExportName(input) { require(name.text == input, "an export's name is not its own") }
        _ = StoreLayout.isInGeneration(input)
        if let layout = StoreLayout(root: input) {
            require(StoreLayout(root: layout.root) == layout, "a path is not clean")
        }
    }

    /// The counters that `slipway metrics` keeps, and what it prints of them.
    static func metrics(_ input: ByteString) {
        // Written once, labels are UTF-8.
        guard let metrics = Metrics(input).map({ Metrics($0.json.text) }) else { return }
        guard let metrics, Metrics(metrics.json.text) == metrics else {
            return require(false, "what is kept is not what was read")
        }
        for format in Metrics.Format.allCases {
            let lines = metrics.text(format, user: 0, version: "1", store: nil).split("\n").dropLast()
            require(lines.allSatisfy { $0.hasPrefix("#") || $0.hasPrefix("slipway_") }, "a label has begun a line")
        }
    }

    /// A bake definition, as compose passes it: whatever is selected is one of its targets.
    static func definition(_ input: ByteString) {
        guard let definition = BakeDefinition(input) else { return }
        let names = Set(definition.targets.map(\.name))
        for selected in [definition.selected(by: []), definition.selected(by: Array(names.prefix(2)))] {
            require(selected?.allSatisfy { names.contains($0.name) } ?? true, "a target from nowhere")
        }
        for target in definition.targets { _ = BakeCachePolicy.Part(target) { $0.hasPrefix("/store/") } }
    }

    /// The operations on which all others are based.
    static func bytes(_ input: ByteString) {
        let part = input.suffix(input.count / 2) + "b"
        require(
            input.range(of: part).map { input.dropFirst($0.lowerBound).hasPrefix(part) } ?? true, "a part elsewhere")
        if !input.isEmpty { require(input.range(of: input.suffix(1)) != nil, "a part is not found") }
        require(input.split("/").joined(separator: "/") == input, "split and joined is another")
        require(input.cleanedPath.cleanedPath == input.cleanedPath, "cleaned twice is another")
        _ = (input.trimmed, input.lowercasedASCII, input.percentEncoded, input.shellQuoted, input.terminalSafe)
        _ = input.relative(to: part)
    }
}
