internal import Engine
internal import Formats

/// Why fetching failed, if docker did not; stable names, for programs.
extension DockerClientError.Code {
    static let modeOff = Self("mode-off")
    static let engineNotLinux = Self("engine-not-linux")
    static let engineTooOld = Self("engine-too-old")
    static let builderNotMade = Self("builder-not-made")
    static let builderFailed = Self("builder-failed")
    static let programMissing = Self("program-missing")
    static let toolMissing = Self("tool-missing")
    static let toolWrong = Self("tool-wrong")
    static let toolFailed = Self("tool-failed")
    static let noRoom = Self("no-room")
    static let nothingKept = Self("nothing-kept")
    static let volumeNotMade = Self("volume-not-made")
    static let volumeForeign = Self("volume-foreign")
    static let probeFailed = Self("probe-failed")

    /// All results of `warm`, each in one sentence, for docs/package-caches.md.
    static let meanings: [(code: Self, meaning: String)] = [
        (.badRequest, "the words after `slipway warm`, or a file that they name, cannot be used"),
        (.modeOff, "the setting package-cache.mode is off"),
        (.dockerMissing, "there is no docker besides Slipway's, or it cannot be run"),
        (.engineSilent, "no engine answers, or the answer is not understood"),
        (.engineNotLinux, "the engine does not run Linux containers"),
        (.engineTooOld, "the engine's API is older than 1.45, so its containers get no views"),
        (.builderNotMade, "docker does not make a container from the image: it is not there, or a --run-arg is wrong"),
        (.builderFailed, "the builder container ended before it was done: the engine, its disk or its memory"),
        (.programMissing, "the image has no shell program that fetching needs"),
        (.toolMissing, "the image has no such tool"),
        (.toolWrong, "the image has a version of the tool whose cache is not known"),
        (.toolFailed, "the tool failed: a package that does not exist, an index that does not answer, a wrong hash"),
        (.noRoom, "nothing can be written in the builder container: the engine's disk is full"),
        (.nothingKept, "the tools kept nothing in their caches"),
        (.volumeNotMade, "the engine did not make a volume"),
        (.volumeForeign, "a volume of that name exists and is not Slipway's, or a layer is gone"),
        (.probeFailed, "trying a view failed for a reason other than the view"),
        (.interrupted, "Ctrl-C, or another signal that ends programs"),
    ]
}
