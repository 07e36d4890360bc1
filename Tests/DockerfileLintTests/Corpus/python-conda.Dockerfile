FROM condaforge/miniforge3:24.3.0-0
COPY environment.yml /tmp/environment.yml
RUN conda env create -f /tmp/environment.yml && conda clean -afy
SHELL ["conda", "run", "-n", "app", "/bin/bash", "-c"]
RUN python -c "import numpy; print(numpy.__version__)"
ENTRYPOINT ["conda", "run", "--no-capture-output", "-n", "app", "python", "app.py"]
