public import Engine
public import Formats

/// Brings a built image into the engine, no more of it than is missing there.
public struct ImageMove<Client: EngineClient> {
    private let client: Client
    private let build: ComparedBuild
    private let built: BuiltImage

    /// For an image, and the engine that is to have it.
    public init(_ client: Client, _ build: ComparedBuild, _ built: BuiltImage) {
        self.client = client
        self.build = build
        self.built = built
    }

    /// The image, if the engine has it already.
    public func present() throws(DockerClientError) -> EngineImage? {
        built.found(among: try client.inspect("image", [built.configuration, built.manifest]))
    }

    /// Gives an image that the engine has the build's names.
    public func tag(_ image: EngineImage) throws(DockerClientError) {
        for tag in image.lacking(build.tags) {
            try good(client.call(DockerCall(["image", "tag", image.identifier, tag], .deed)), "tag " + tag)
        }
    }

    /// Fetches the image from the registry, after the builder has pushed what is missing there, and names it. `push` is the call by
    /// which it does that; `pushed` tells what was pushed.
    public func pull(
        from registry: ByteString, push: DockerCall, pushed: () -> BuiltImage?
    ) throws(DockerClientError) -> EngineImage {
        let reference = registry + "@" + built.manifest
        if try !pull(reference) {
            try good(client.call(push), "push")
            // What was built again in the meantime is another image.
            guard pushed()?.manifest == built.manifest else {
                throw DockerClientError(.imageElsewhere, "the builder no longer has the image that it has built")
            }
            guard try pull(reference) else {
                throw DockerClientError(.imageElsewhere, registry + " does not have the image that was pushed to it")
            }
        }
        // A name by digest keeps an image from `docker image prune`. It may go only once the image has another one.
        do throws(DockerClientError) {
            guard let image = try present() else {
                throw DockerClientError(.imageElsewhere, "the engine does not have the image that it has pulled")
            }
            try tag(image)
            _ = try client.call(DockerCall(["image", "rm", reference], .tidying))
            return image
        } catch {
            _ = try? client.call(DockerCall(["image", "rm", reference], .tidying))
            throw error
        }
    }

    /// False if the registry does not have it.
    private func pull(_ reference: ByteString) throws(DockerClientError) -> Bool {
        let platform: [ByteString] = build.platform.map { ["--platform", $0] } ?? []
        let answer = try client.call(DockerCall(["image", "pull"] + platform + [reference], .transfer))
        let said = answer.error.lowercasedASCII
        if !answer.isGood,
            ["manifest unknown", "not found", "name unknown"].contains(where: { said.range(of: $0) != nil })
        {
            return false
        }
        try good(answer, "pull")
        return true
    }

    private func good(_ answer: DockerAnswer, _ what: ByteString) throws(DockerClientError) {
        guard answer.isGood else {
            throw DockerClientError(.imageElsewhere, "docker cannot " + what, words: answer.words)
        }
    }
}

extension DockerClientError.Code {
    /// The image could not be brought here in parts.
    static let imageElsewhere = DockerClientError.Code("image-elsewhere")
}
