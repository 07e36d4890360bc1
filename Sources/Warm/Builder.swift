internal import Engine
public import Formats
internal import Host
internal import Planning

/// The container that fetches packages.
struct Builder {
    /// What the script reported.
    struct Result {
        var tools: [PackageTool] = []
        var used: [(tool: ByteString, version: ByteString, python: ByteString)] = []
        var notes: [ByteString] = []
        var digest: ByteString = ""
        var files = 0
        var kibibytes = 0
        var isFinished = false
        /// What went wrong: a code of the script's, and its message.
        var failure: (code: ByteString, detail: ByteString, status: ByteString)?
    }

    static let sharedPlace: ByteString = "/cache"
    static let from: ByteString = "/dev/.slipway-from"

    let docker: any EngineClient
    let request: WarmRequest
    let name: ByteString
    let created: Int
    /// --mount options.
    var mounts: [ByteString] = []
    var root = PackageView.place
    /// What to copy first.
    var copiesFrom: ByteString?
    let progress: (WarmProgress) -> Void

    /// The arguments that create it.
    var words: [ByteString] {
        request.create(
            name, as: "0", created: created, mounts: mounts, script: ByteString(PackageResources.builder_sh),
            [root, BuilderInputs.place] + (copiesFrom.map { [$0] } ?? []))
    }

    /// Creates it, puts the files into it and runs it to its end.
    func run(_ inputs: BuilderInputs) throws(DockerClientError) -> Result {
        progress(.step("making the builder container from " + request.image))
        let made = try docker.call(DockerCall(words, .work)) { stream, line in
            if stream == .error { progress(.line(line)) }
        }
        guard made.isGood else {
            throw DockerClientError(
                .builderNotMade,
                "docker does not make a container from " + request.image + ": see whether `docker pull "
                    + request.image + "` works", words: made.words)
        }
        let packed = try docker.call(
            DockerCall(["cp", "-", name + ":/"], .work, input: inputs.archive.data))
        guard packed.isGood else {
            throw DockerClientError(
                .builderFailed, "docker does not copy files into the builder container", words: packed.words)
        }
        var result = Result()
        let ran = try docker.call(DockerCall(["start", "--attach", name], .work)) { stream, line in
            if stream == .error { return progress(.line(line)) }
            result.take(line)
            if let step = Self.step(in: line) { progress(.step(step)) }
        }
        if let failure = result.failure { throw Self.failure(failure, ran.words, request.image) }
        guard ran.isGood, result.isFinished else {
            throw DockerClientError(
                .builderFailed,
                "the builder container ended before it was done"
                    + (ran.exitCode.map { " (" + ByteString(decimal: $0) + ")" } ?? "")
                    + ": see whether the engine still answers and its disk has room", words: ran.words)
        }
        guard result.files > 0 else {
            throw DockerClientError(
                .nothingKept,
                "nothing was kept: the package index forbids caching, perhaps; nothing was published", words: ran.words)
        }
        return result
    }

    static func step(in line: ByteString) -> ByteString? {
        let words = line.split("\t")
        return words.first == "step" && words.count > 1 ? words[1] : nil
    }

    private static func failure(
        _ failure: (code: ByteString, detail: ByteString, status: ByteString), _ words: ByteString, _ image: ByteString
    ) -> DockerClientError {
        switch failure.code {
        case "program-missing":
            DockerClientError(
                .programMissing,
                image + " has no `" + failure.detail + "`, which fetching needs: take an image with a shell "
                    + "and the usual small programs")
        case "tool-missing":
            DockerClientError(
                .toolMissing, image + " has no " + failure.detail + ": take an image that has it, or leave it out")
        case "tool-wrong": DockerClientError(.toolWrong, failure.detail)
        case "no-room":
            DockerClientError(
                .noRoom, "the builder container cannot write " + failure.detail + ": see the engine's disk",
                words: words)
        default:
            DockerClientError(
                .toolFailed, failure.detail + " ended with " + failure.status + "; nothing was published", words: words)
        }
    }
}

extension Builder.Result {
    /// Reads a line of the script's output; other lines are ignored.
    mutating func take(_ line: ByteString) {
        let words = line.split("\t")
        let first = words.count > 1 ? words[1] : ""
        switch words.first {
        case "tool":
            used.append((first, words.count > 2 ? words[2] : "", words.count > 3 ? words[3] : ""))
        case "kept": if let tool = PackageTool(rawValue: first) { tools.append(tool) }
        case "note": notes.append(first)
        case "digest": digest = "sha256:" + first
        case "files": files = first.decimal ?? 0
        case "size": kibibytes = first.decimal ?? 0
        case "fail":
            failure = (first, words.count > 2 ? words[2] : "", words.count > 3 ? words[3] : "")
        case "finished": isFinished = true
        default: break
        }
    }
}

/// The progress of a run, for people.
public enum WarmProgress: Equatable, Sendable {
    /// A new step.
    case step(ByteString)
    /// A line of output of a tool or of docker.
    case line(ByteString)
}
