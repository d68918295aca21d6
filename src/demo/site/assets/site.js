// Each `.lamp` blinks as its light does: data-flash="on,off,on,off" in milliseconds.
for (const lamp of document.querySelectorAll(".lamp[data-flash]")) {
  const times = lamp.dataset.flash.split(",").map(Number);
  let step = 0;
  const turn = () => {
    lamp.classList.toggle("dark", step % 2 === 1);
    setTimeout(turn, times[step]);
    step = (step + 1) % times.length;
  };
  turn();
}

// The table of lights on the guide's first page.
const table = document.querySelector("#lights");
if (table) {
  fetch(table.dataset.source)
    .then((answer) => answer.json())
    .then((lights) => {
      for (const light of lights) {
        const row = table.insertRow();
        for (const text of [light.name, `${light.height_m} m`, light.character, light.range]) {
          row.insertCell().textContent = text;
        }
      }
    });
}
