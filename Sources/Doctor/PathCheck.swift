internal import Formats
internal import Notes
internal import PathMap
internal import Shim

extension PathLookup {
    /// Whether the engine sees the working directory at its own path; no finding without a table. Translation helps
    /// only commands that go through the shim: compose, and programs that talk to the engine themselves, pass paths
    /// unchanged.
    func findings(_ directory: ByteString?) -> [Finding] {
        if let note = notes.first(where: { $0.reason == .containerNotProved }) {
            return [Finding(.containerNotProved, note.detail)]
        }
        guard table != nil, let directory else { return [] }
        let answer = answer(for: directory)
        guard answer.row != nil else { return [Finding(.pathNotSeen, answer.path)] }
        guard answer.becomes != answer.path else { return [Finding(.pathsAlike, answer.path)] }
        let mount = (answer.becomes + ":" + answer.becomes).shellQuoted
        return [
            Finding(
                .pathsDiffer, answer.path + " is " + answer.becomes, fix: "docker run --volume " + mount + " ...")
        ]
    }
}

extension Check {
    var paths: CheckInfo {
        switch self {
        case .pathsAlike: .fine("the engine sees this directory under its own path")
        case .pathsDiffer:
            .warning(
                "the engine sees this directory under another path",
                why:
                    "docker run, create and volume create are translated; compose and programs that talk to the engine"
                    + " themselves mount an empty directory. Mounting the workspace at the engine's own path needs no"
                    + " translation",
                fix: "docker run --volume <path>:<path> ...")
        case .pathNotSeen:
            .warning(
                "the engine does not see this directory",
                why: "containers that mount it get an empty one",
                fix: "slipway paths .")
        case .containerNotProved:
            .warning(
                "it cannot be proved which of the engine's containers this is",
                why: "no path is translated, so containers that mount a directory of this one may get an empty one",
                fix: "export SLIPWAY_PATH_MAP=/here=/there")
        default: .fine("")
        }
    }
}
