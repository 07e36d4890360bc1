internal import Engine
internal import Formats
internal import Planning

extension PackageVolume {
    /// The engine's directory of volumes; nil if this volume is not in it as local ones are.
    var directory: ByteString? {
        let tail = "/" + name + "/_data"
        guard mountpoint.hasPrefix("/"), mountpoint.hasSuffix(tail) else { return nil }
        return mountpoint.dropLast(tail.count)
    }

    /// The volumes that a mount of this one uses: for a view, its layers, its upper and its work directory.
    ///
    /// Source: what `PackageView` writes, "lowerdir=V/A/_data:V/B/_data,upperdir=V/N/_data,workdir=V/N-w/_data".
    var mounted: Set<ByteString> {
        var names: Set<ByteString> = []
        for option in (options.first { $0.name == "o" }?.value.string ?? "").split(",") {
            guard let (_, paths) = option.cut(at: "=") else { continue }
            for path in paths.split(":") where path.lastPathComponent == "_data" {
                names.insert(path.parentPath.lastPathComponent)
            }
        }
        return names
    }

    /// Its labels and options, for people.
    var description: ByteString {
        func text(_ members: [JSON.Member]) -> ByteString {
            members.sorted { $0.name < $1.name }.map { $0.name + "=" + ($0.value.string ?? "") }.joined(separator: ",")
        }
        return name + ": driver " + driver + ", labels " + text(labels) + ", options " + text(options)
    }
}

extension EngineClient {
    /// All of Slipway's volumes. One that is removed meanwhile is left out.
    func volumes() throws(DockerClientError) -> [PackageVolume] {
        let list = try call(
            DockerCall(["volume", "ls", "--quiet", "--filter", "label=" + PackageLabels.mark], .question))
        guard list.isGood else {
            throw DockerClientError(
                .engineSilent, "the engine does not list its volumes: see whether `docker version` answers",
                words: list.words)
        }
        return try volumes(list.lines).filter { $0.kind != nil }
    }

    /// Volumes by name; missing ones are left out.
    func volumes(_ names: [ByteString]) throws(DockerClientError) -> [PackageVolume] {
        try inspect("volume", names).compactMap(PackageVolume.init)
    }

    /// Makes a volume and checks that it is the requested one: docker succeeds if the name exists, whatever its
    /// labels.
    func make(_ name: ByteString, labels: [(ByteString, ByteString)]) throws(DockerClientError) -> PackageVolume {
        var words: [ByteString] = ["volume", "create", "--driver", "local"]
        for (label, value) in labels { words += ["--label", label + "=" + value] }
        let answer = try call(DockerCall(words + [name], .deed))
        guard answer.isGood else {
            throw DockerClientError(
                .volumeNotMade, "the engine did not make the volume " + name + ": see its disk and `docker info`",
                words: answer.words)
        }
        guard let volume = try volumes([name]).first(where: { $0.name == name }) else {
            throw DockerClientError(
                .volumeNotMade, "docker volume create answered well, but there is no volume " + name,
                words: answer.words)
        }
        guard volume.driver == "local", volume.options.isEmpty,
            labels.allSatisfy({ volume.label($0.0) == $0.1 })
        else {
            throw DockerClientError(
                .volumeForeign,
                "the volume " + name + " exists with other labels or options: remove it with `docker volume rm " + name
                    + "`",
                words: volume.description)
        }
        return volume
    }
}

/// The labels of a new volume of Slipway's.
func labels(
    _ kind: VolumeKind, created: Int, engine: ByteString, _ more: [(ByteString, ByteString)] = []
) -> [(ByteString, ByteString)] {
    [
        PackageLabels.app, (PackageLabels.kind, kind.rawValue),
        (PackageLabels.created, ByteString(decimal: created)), (PackageLabels.engine, engine),
    ] + more
}
