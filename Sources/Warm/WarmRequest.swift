internal import Engine
public import Formats
public import Planning

/// What the user wants to fetch, and where.
public struct WarmRequest: Sendable {
    /// The image whose tools fetch the packages.
    public var image: ByteString
    /// Options for `docker create`, passed on unchanged.
    public var runArguments: [ByteString] = []
    /// Requirements files for pip.
    public var requirements: [ByteString] = []
    /// What was given for each tool: names separated by blanks, or one file.
    public var values: [PackageTool: [ByteString]] = [:]
    /// Whether it is added to the existing packages.
    public var isAddition = false

    /// A request for an image.
    public init(image: ByteString) { self.image = image }

    /// The requested tools, in a fixed order.
    public var tools: [PackageTool] {
        PackageTool.allCases.filter { values[$0]?.isEmpty == false || ($0 == .pip && !requirements.isEmpty) }
    }

    /// How each tool's files are told from names.
    static func isFile(_ value: ByteString, for tool: PackageTool) -> Bool {
        switch tool {
        case .pip: false
        case .npm: value.hasSuffix(".json")
        case .uv: value.hasSuffix(".txt") || value.hasSuffix(".in")
        case .yarn: value.hasSuffix(".lock")
        case .go: value.lastPathComponent == "go.mod"
        }
    }

    /// Refuses a value that could be mistaken for an option, or cannot be a name.
    func check() throws(DockerClientError) {
        guard !image.isEmpty, !image.hasPrefix("-"), Self.isPlain(image), !image.contains(" ") else {
            throw DockerClientError(.badRequest, "--image takes the name of an image, such as python:3.12")
        }
        guard !tools.isEmpty else {
            throw DockerClientError(.badRequest, "nothing to fetch: add --pip, -r, --npm, --uv, --yarn or --go")
        }
        for path in requirements where !Self.isPlain(path) || path.isEmpty {
            throw DockerClientError(.badRequest, "-r takes the path of a file, without control characters")
        }
        for tool in tools {
            for value in values[tool] ?? [] {
                if !Self.isFile(value, for: tool) || !Self.isPlain(value) { _ = try Self.names(in: value, of: tool) }
            }
        }
    }

    /// The names in a value. A name is data: it reaches the container in a file.
    static func names(in value: ByteString, of tool: PackageTool) throws(DockerClientError) -> [ByteString] {
        let option = "--" + tool.rawValue
        guard isPlain(value) else {
            throw DockerClientError(
                .badRequest,
                option + ": names with control characters are refused; put blanks between names, not newlines")
        }
        let names = value.split(" ").filter { !$0.isEmpty }
        guard !names.isEmpty else {
            throw DockerClientError(.badRequest, option + " takes names with blanks between them")
        }
        for name in names where name.hasPrefix("-") {
            throw DockerClientError(
                .badRequest, option + ": " + name + " looks like an option, and only names are taken")
        }
        return names
    }

    /// The arguments that create one of Slipway's containers from the image, for a script.
    func create(
        _ name: ByteString, as user: ByteString, created: Int, mounts: [ByteString], script: ByteString,
        _ arguments: [ByteString]
    ) -> [ByteString] {
        // Ours come last: if an option can be given only once, the last one counts.
        ["create"] + runArguments + [
            "--rm=false", "--name", name, "--label", PackageLabels.mark, "--label", VolumeKind.builder.label, "--label",
            PackageLabels.created + "=" + ByteString(decimal: created), "--user", user, "--workdir", "/",
            "--no-healthcheck",
        ] + mounts.flatMap { ["--mount", $0] } + ["--entrypoint", "/bin/sh", image, "-c", script, "slipway"] + arguments
    }

    static func isPlain(_ text: ByteString) -> Bool { text.isTerminalSafe }
}
