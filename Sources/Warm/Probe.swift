internal import Engine
internal import Formats
internal import Planning

/// Tries a real view over the layers of a generation, on their engine, as root and as another user.
struct Probe {
    static let layersPlace: ByteString = "/dev/.slipway-l"

    let docker: any EngineClient
    let request: WarmRequest
    let directory: ByteString
    let layers: [ByteString]
    let created: Int
    let random: () -> ByteString

    /// How views can be mounted here, and why not if they cannot.
    func run(_ cleanup: inout CleanupList) throws(DockerClientError) -> (support: ViewSupport, words: ByteString) {
        guard PackageGeneration.isPlain(directory) else {
            return (.none, "the engine's directory of volumes, " + directory + ", cannot be named in mount options")
        }
        var words: ByteString = ""
        for support in [ViewSupport.plain, .userAttributes] {
            var complaint: ByteString?
            for user in ["0:0", "12345:12345"] as [ByteString] where complaint == nil {
                complaint = try run(support, as: user, &cleanup)
            }
            guard let complaint else { return (support, words) }
            words = complaint
        }
        return (.none, words)
    }

    /// What is wrong with a view; nil if nothing is.
    private func run(
        _ support: ViewSupport, as user: ByteString, _ cleanup: inout CleanupList
    ) throws(DockerClientError) -> ByteString? {
        let view = PackageView(random: random())
        let container = "slipway-probe-" + random()
        let lower = layers.map { PackageGeneration.files(of: $0, in: directory) }
        var mounts = view.mounts(over: lower, in: directory, as: support, at: PackageView.place, created: created)
        for (index, layer) in layers.enumerated() {
            let place = Self.layersPlace + ByteString("/") + ByteString(decimal: index + 1)
            mounts.append("type=volume,src=" + layer + ",dst=" + place + ",readonly,volume-nocopy")
        }
        let words = request.create(
            container, as: user, created: created, mounts: mounts, script: ByteString(PackageResources.probe_sh),
            [PackageView.place, Self.layersPlace])
        cleanup.willMake(container: container)
        cleanup.willMake(volume: view.name)
        cleanup.willMake(volume: view.workName)
        let made = try docker.call(DockerCall(words, .deed))
        guard made.isGood else { return try Self.judge(made, "making a container") }
        let ran = try docker.call(DockerCall(["start", "--attach", container], .work))
        let said = ran.output.split("\n")
        if said.contains("good") && ran.isGood { return nil }
        if let bad = said.first(where: { $0.hasPrefix("bad ") }) {
            let who: ByteString = user.hasPrefix("0:") ? "root" : "another user"
            return "in a view, as " + who + ": " + bad.dropFirst(4) + (ran.words.isEmpty ? "" : "\n" + ran.words)
        }
        return try Self.judge(ran, "starting a container")
    }

    /// If the engine refuses the mount, that is a result; any other failure is not.
    private static func judge(_ answer: DockerAnswer, _ what: ByteString) throws(DockerClientError) -> ByteString {
        let said = answer.error.lowercasedASCII
        guard said.range(of: "mount") != nil, said.range(of: "cannot connect") == nil else {
            throw DockerClientError(
                .probeFailed,
                what + " that tries a view failed: see whether the engine still answers and its disk has room",
                words: answer.words)
        }
        return answer.words
    }
}
